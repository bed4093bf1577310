"""Columns of the report's tables, in order, and what they are called."""

GAINS = {
    "strategy": "strategy",
    "misreports": "lies",
    "paid": "lies that paid",
    "gain": "gain per lie, money",
    "gain_low": "from",
    "gain_high": "to",
    "relative": "gain per lie / cost",
    "relative_low": "from",
    "relative_high": "to",
    "best": "largest gain, money",
    "utility": "utility, money",
    "truthful_utility": "from the truth, money",
}
GROUPS = {
    "strategy": "strategy",
    "groups": "groups, every round anew",
    "members": "members",
    "paid": "groups that gained",
    "utility": "utility in sum, money",
    "truthful_utility": "had they told the truth",
    "gain": "gain in sum",
    "ratio": "gain / utility from the truth",
    "gain_mean": "gain per group",
    "gain_low": "from",
    "gain_high": "to",
    "best": "largest gain",
}
PAYERS = {
    "quantity": "quantity",
    "actual": "as it was",
    "truthful": "had everybody told the truth",
    "change": "change",
    "low": "from",
    "high": "to",
    "unit": "unit",
}
PROMISES = {
    "promise": "promise",
    "claim": "by the auction",
    "here": "here",
    "cases": "cases",
    "broken": "broken in",
    "worst": "by at most",
    "unit": "unit",
}
CLASSES = {
    "label": "class",
    "records": "test records",
    "named": "named so",
    "right": "rightly",
    "recall": "recall",
    "precision": "precision",
}
NUMBERS = {"quantity": "quantity", "mean": "mean", "low": "from", "high": "to", "unit": "unit"}
PRIVACY = {
    "owners": "owners who bid",
    "sold": "owners who sold",
    "median": "privacy loss over all rounds, median of those who sold",
    "largest": "privacy loss over all rounds, largest",
    "largest_in_a_round": "privacy loss in one round, largest",
    "total_median": "tight total over all rounds at the market's delta, median of those who sold",
    "total_largest": "tight total, largest",
    "delta_largest": "delta that belongs to the plain sum, largest",
}
