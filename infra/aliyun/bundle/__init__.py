"""What the function is created from: zip archives of the app and its dependencies, the same bytes wherever built."""
