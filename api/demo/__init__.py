"""The demonstration: real purchase histories, given to invented German companies.

The purchases are those of UCI Online Retail (Chen, 2015, CC BY 4.0), summed per invoice and product group. Every
company, contact, address, consent and attribute is invented from a seed; nobody in it exists.
"""
