"""Vectors of texts, from DashScope or any OpenAI-compatible service. Nothing of it is loaded without a model."""
