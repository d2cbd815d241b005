"""What can be told of text without knowing what it says: views, places, identifiers.

Reading and representing share it. Nothing here knows of logs.
"""
