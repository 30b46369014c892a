"""Was it stored? Finds out about leads without an answer, from the API's own list of leads.

- `reconciler` keeps these leads, says when to ask, and settles what is clear.
- `listing_thread` asks, so that nothing waits for it.
- `listing` fetches the list of the time in question.
- `comparison` decides about each lead; pure.
- `matching` says which rows are a lead, or could be; pure.
"""
