"""marey: human motion from text, body-part text and spatial constraints."""

__version__ = "0.1.0"
