"""Tries every part for real and says how to fix what fails. Works with and without a running server.

- `examination`     runs all checks of this machine
- `remote`          checks a server at a URL
- `settings`        checks setting values, setting names, the embedding service, the rerank service and memU
- `data_directory`  checks the folder, its disk space and who holds it
- `clients`         checks which MCP clients start this server
- `running`         checks the running server, through a bridge
- `trial`           starts everything for as long as the checks take, when no server runs
- `answers`         judges what a server answered
- `remedies`        says what to do about a part that fails
"""
