# %% [markdown]
# # NN · TITLE
#
# The question of the whole notebook, in one sentence that a reader would ask.
#
# | | |
# |---|---|
# | **You will learn** | to do this · to tell whether that |
# | **You need** | [04](04_encoding.ipynb) for the frozen features |
# | **Time** | reading 2 minutes, running about 60 seconds on 2 cores |
# %%
import sys
from pathlib import Path

sys.path[:0] = [str(Path.cwd()), str(Path.cwd().parent)]  # for helpers
from helpers.check import check, hint, solution

# %% [markdown]
# ## 1. A question
#
# What is asked, and why the answer is not plain.
#
# **Before you run** the next cell: what will it print?
#
# <details><summary>Answer</summary>
#
# What it prints, and why.
# </details>
# %%
print("what this section measures")
# %% [markdown]
# ## 2. Exercises
#
# `hint("NN-1")` gives one hint at a time, `solution("NN-1")` a reference solution.
#
# **NN-1.** *Code, 5 minutes.* Say what is wanted.
# %%
first = ...
check("NN-1", first)
# %% [markdown]
# **NN-2.** *Paper, 5 minutes.* Say what is wanted.
# %%
second = ...
check("NN-2", second)
# %% [markdown]
# **NN-3.** *Experiment, 15 minutes.* Try something, and say what came out.
# %%
third = ...
check("NN-3", third)
# %% [markdown]
# ## Recap
#
# - What a reader should keep.
#
# The figure to remember is the one that shows it.
#
# ## Going further
#
# - What to read next, with author and year.
#
# **Next:** the notebook that follows.
