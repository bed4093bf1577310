"""What the printed error bound bounds is said in a sentence for every way to clip, noise and count."""

import pytest

from agents.upload_terms import CLIPS, UploadTerms


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("perturbation", ["privunit", "laplace"])
@pytest.mark.parametrize("error_bound", ["coordinate", "full"])
def test_a_proxy_is_called_one(clip, perturbation, error_bound):
    meaning = UploadTerms(perturbation, 10, clip=clip, error_bound=error_bound).error_bound_meaning
    assert ("a proxy for the gradient of the loss" in meaning) == (clip != "record")
    assert "a true bound" in meaning
    assert ("who sells a part counts as missing" in meaning) == (clip != "record")
    of = meaning.split(" to ")[0].split(", against")[0]
    if error_bound == "full":
        assert of.startswith("squared distance")
    else:
        # PrivUnit's noise is larger along the gradient than across it; its variance is the coordinates' average.
        assert of == f"squared error of {'the average' if perturbation == 'privunit' else 'every'} coordinate"
