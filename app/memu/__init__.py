"""The memU service as a memory backend: its API in four generations, what goes there, and what is found there."""
