"""The dashboard: optuna-dashboard over what results/ holds."""
