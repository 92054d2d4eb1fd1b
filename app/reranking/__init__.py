"""A service that orders the best results of a search again. Without RERANK_MODEL, none of it is loaded."""
