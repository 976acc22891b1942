"""What goes over the wire and is not already a message of the three verbs (`honeyguide.messages`).

Requests are strict. Times go out as ISO 8601 in UTC. Pages are `{items, next_cursor}`; the cursor is null at the end.

    lists.py       recommendations and slates
    events.py      one event by parameters or body
    catalogue.py   items and users
    operations.py  model versions, aliases, jobs, the system
"""
