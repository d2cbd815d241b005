"""Bytes to records: files, compression and standard input, formats, tables, images, labels."""
