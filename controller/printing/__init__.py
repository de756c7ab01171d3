"""What is printed for citizens: voucher cards and the site's sign, as PDF."""
