"""What the project does to itself: checks, pull requests, releases. Nothing here is part of the app or of a stack."""
