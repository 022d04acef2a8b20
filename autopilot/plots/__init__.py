"""Pictures for people: of a case and what analysis found in it, and what the review's charts share with them."""
