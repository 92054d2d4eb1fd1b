"""Goes on after an interrupted `pulumi up`: finds what it made and did not note, and takes that into the state.

Pulumi notes that it is about to make a thing (a pending operation) and, once it has an answer, the thing itself. If it
is killed in between, the thing is there, and only the first note of it. A plain `pulumi up` would make it once more:
Alibaba Cloud refuses that for what has a unique name, and the rest would be there twice.
"""
