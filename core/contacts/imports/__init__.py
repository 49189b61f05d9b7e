"""From an uploaded file to contacts: `files` reads, `columns` guesses, `rows` validates, `staging` writes,
`runner` runs.

The preview and the run share all of it, so what the preview says is what happens.
"""
