"""How a client's list of people grows, shrinks and stays alive, counted by day. See services.py."""
