"""Reports of mail providers: verified, stored as they came, answered, and read in a task."""
