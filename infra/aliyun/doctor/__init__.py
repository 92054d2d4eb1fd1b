"""Why a function answers 412, times out, or fails: what is stored of it, what it answers, and what it logged."""
