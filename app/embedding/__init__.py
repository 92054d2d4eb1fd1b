"""Vectors of texts, from DashScope or any OpenAI-compatible service. Without a model, none of it is loaded."""
