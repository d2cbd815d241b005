"""Bytes to records: files, compression and standard input, header formats, tables, images, labels."""
