"""Who is who in a result: the file, what follows it, and what is suggested."""
