"""A shop to test against: imitates the part of the Shopify Admin API that parstock
uses."""
