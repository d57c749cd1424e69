"""What runs in the visitor's tab, on Pyodide: live runs in one thread, and the pages' own logic without a server."""
