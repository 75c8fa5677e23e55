"""What an analysis writes: tables, documents, and the folder that holds them."""
