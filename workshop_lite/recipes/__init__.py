"""How a model is made, each shipped one or one of your own: its data, network, loss, budget."""

from workshop_lite.recipes.control import hint_loss, hinted, latent_hint_loss
from workshop_lite.recipes.emoji import caption_loss, captioned, emoji_words, prompt_loss
from workshop_lite.recipes.own import SHIPPED, described_by, like, of_folder
from workshop_lite.recipes.recipe import (
    Recipe,
    class_denoiser,
    class_loss,
    denoising_loss,
    fast_dtype,
)

__all__ = ["RECIPES", "Recipe", "caption_loss", "captioned", "class_denoiser", "class_loss"]
__all__ += ["denoising_loss", "described_by", "emoji_words", "fast_dtype", "hint_loss", "hinted"]
__all__ += ["latent_hint_loss", "like", "of_folder", "prompt_loss"]

RECIPES = dict(SHIPPED)
