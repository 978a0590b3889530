UPDATE people SET age = 3;
