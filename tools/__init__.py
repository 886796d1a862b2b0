"""What make calls beside the package: setting up, and checks of the pages."""
