"""Languages: reading PO files, live reload, names, plurals, pseudo-languages."""
