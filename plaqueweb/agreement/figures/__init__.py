"""What each tab counts, as pure functions over plain rows: no database, no user, no words."""
