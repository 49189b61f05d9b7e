"""What people may ask of a client about their data: a copy of it, and that it is erased.

`registry` lists who holds what; `erasure` and `subject_access` go through it; `retention` lets go of what is kept too
long.
"""
