"""Columns of the report's tables, in order, and what they are called; ``*_ENDS``: where a mean's interval stands."""

GAINS = {
    "strategy": "strategy",
    "misreports": "lies",
    "paid": "lies that paid",
    "gain": "gain per lie, money [ ]",
    "relative": "gain per lie / cost [ ]",
    "best": "largest gain, money",
    "utility": "utility, money",
    "truthful_utility": "by the truth, money",
}
GAINS_ENDS = {"gain": ("gain_low", "gain_high"), "relative": ("relative_low", "relative_high")}
GROUPS = {
    "strategy": "strategy",
    "groups": "groups, every round anew",
    "members": "members",
    "paid": "groups that gained",
    "utility": "utility in sum, money",
    "truthful_utility": "had they told the truth",
    "gain": "gain in sum",
    "ratio": "gain / utility by the truth",
    "gain_mean": "gain per group [ ]",
    "best": "largest gain",
}
GROUPS_ENDS = {"gain_mean": ("gain_low", "gain_high")}
PAYERS = {
    "quantity": "quantity",
    "actual": "as it was",
    "truthful": "had everybody told the truth",
    "change": "change [ ]",
    "unit": "unit",
}
PAYERS_ENDS = {"change": ("low", "high")}
PROMISES = {
    "promise": "promise",
    "claim": "what was promised",
    "here": "what was kept here",
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
NUMBERS = {"quantity": "quantity", "mean": "mean [ ]", "unit": "unit"}
NUMBERS_ENDS = {"mean": ("low", "high")}
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
ROUNDS = {
    "seed": "seed",
    "round": "round",
    "buyer": "buyer",
    "budget": "budget",
    "spent": "spent",
    "bidders": "bidders",
    "sellers": "sellers",
    "error_bound": "error bound",
    "test_accuracy": "test accuracy",
    "owner_surplus": "owners' surplus",
    "misreports": "lies",
    "misreport_gain_mean": "mean gain",
    "misreport_gain_max": "largest gain",
}
