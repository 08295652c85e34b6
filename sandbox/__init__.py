"""A pretend tenant on loopback that speaks the real protocols: login, Graph, SharePoint, Teams, helpdesk."""
