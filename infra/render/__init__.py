"""The whole system on Render."""
