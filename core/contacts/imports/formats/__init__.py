"""Every format that contacts come in, each giving a Table: `text` (CSV and its kin), `workbooks`, `json_lists`.

`packed` takes files out of gzip and zip.
"""
