"""What administrators change: the directory, consent, a site's grants, the app catalogue, Azure's bots; and who they are."""
