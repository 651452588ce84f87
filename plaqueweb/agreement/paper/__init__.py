"""A frozen report on paper: its words, tables and drawings, all from the manifest."""
