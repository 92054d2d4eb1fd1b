"""The memory as a function on Alibaba Cloud's Function Compute."""
