"""What people outside the agency meet of the audience: signup forms, their confirmation, the preference centre."""
