"""What a browser is shown: the helpdesk's page behind a sign-in, and two public papers.

    site.py        the routes, and what every answer has: headers, who may see it, what fails
    sign_in.py     sessions: from the first request to the cookie, and what changes nothing without a mark
    numbers.py     what the helpdesk was saved, with plots
    cases.py       cases by their state or number, in words
    operation.py   who is affected, health, open jobs and dead letters, languages
    papers.py      /privacy and /terms
    frame.py       what all pages have: head, navigation, footer, tables
    words.py       the sentences, and in which language a reader gets them
    html.py        elements, in which every text is escaped
    plots.py       SVG
    style.css      the one file that a browser fetches beside the pages

There is no script and no framework: each page is made whole for one request. Sentences are `page.*`, `privacy.*` and
`terms.*` in `locales/`; a page is in one language from its first to its last word.
"""
