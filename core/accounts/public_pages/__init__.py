"""Pages for people outside the agency: recipients, and whoever signs up. The client's brand, and no admin."""
