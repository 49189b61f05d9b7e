"""One function a section: figures and words in, a part of the document out."""
