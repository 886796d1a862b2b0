"""Figures of a study or of a search: each a function of a frame and an Axes, which it returns. No global style, no
pyplot state.

Frames hold fractions; axes show percent. A variant keeps one colour and marker in every figure
(`variant_styles`); markers tell variants apart without colour too.
"""
