"""The commands of `python -m infra.aliyun`, one module each."""
