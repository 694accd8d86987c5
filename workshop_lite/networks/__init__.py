"""The networks: what is trained, made of the same few layers."""

from workshop_lite.networks.autoencoder import Autoencoder, Posterior, TinyDecoder
from workshop_lite.networks.classifier import Classifier
from workshop_lite.networks.context import Context
from workshop_lite.networks.layers import plain
from workshop_lite.networks.transformer import Transformer
from workshop_lite.networks.unet import UNet

__all__ = ["Autoencoder", "Classifier", "Context", "Posterior", "TinyDecoder"]
__all__ += ["Transformer", "UNet", "plain"]
