"""The explorer as a folder of files that any static host serves: live training in the visitor's own browser."""
