"""Where bytes live: the database that is the only truth, the served slates beside it, and the model files.

`urls.open_store` opens what the settings name; `files.FileArtefacts` keeps the model files.
"""
