"""The server behind `codec serve`: a page that shows what qualities look and sound like."""
