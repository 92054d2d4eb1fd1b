"""Vectors of texts, from an OpenAI-compatible service or a model on this machine. Without one, none of it is loaded."""
