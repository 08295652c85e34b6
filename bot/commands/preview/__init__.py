"""`photosync locales preview`: every card of a language as a page and as pictures."""
