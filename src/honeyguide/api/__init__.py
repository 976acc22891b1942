"""The HTTP API: thin, no logic; it reads requests, calls a path, writes answers.

routes.py     the one table: method, path, scope, handler, types, examples
app.py        dispatcher: hot routes as plain ASGI, the rest through FastAPI
server.py     the process: bind, hold the data directory, drain on SIGTERM
problems.py   every error as application/problem+json
"""
