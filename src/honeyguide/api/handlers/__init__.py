"""What the cold routes do: read from the store, hand changes to INGEST, write the answer. One file per kind of resource."""
