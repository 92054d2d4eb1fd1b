"""The few calls of Alibaba Cloud's APIs that `python -m infra.aliyun` makes itself, signed, over `requests`.

Its official clients would bring some 30 packages, three of them native, into the environment of every stack.
"""
